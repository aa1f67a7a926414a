#!/usr/bin/env node
"use strict";

require("./load.cjs").load("swtpm-setup.cjs").main(process.argv.slice(2));
