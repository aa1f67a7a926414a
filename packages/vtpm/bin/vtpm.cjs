#!/usr/bin/env node
"use strict";

require("./load.cjs").load("vtpm.cjs").main(process.argv.slice(2));
