#!/usr/bin/env node
"use strict";

require("./load.cjs").load("swtpm-cert.cjs").main(process.argv.slice(2));
