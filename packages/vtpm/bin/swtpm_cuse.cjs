#!/usr/bin/env node
"use strict";

require("./load.cjs")
  .load("swtpm.cjs")
  .main(["cuse", ...process.argv.slice(2)]);
