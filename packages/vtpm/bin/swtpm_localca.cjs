#!/usr/bin/env node
"use strict";

require("./load.cjs").load("swtpm-localca.cjs").main(process.argv.slice(2));
