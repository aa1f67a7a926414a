#!/usr/bin/env node
"use strict";

require("./load.cjs").load("swtpm-ioctl.cjs").main(process.argv.slice(2));
