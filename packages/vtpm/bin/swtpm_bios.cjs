#!/usr/bin/env node
"use strict";

require("./load.cjs").load("swtpm-bios.cjs").main(process.argv.slice(2));
