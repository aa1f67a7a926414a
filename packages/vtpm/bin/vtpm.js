#!/usr/bin/env node
import { main } from "../dist/bundle/vtpm.js";

await main(process.argv.slice(2));
