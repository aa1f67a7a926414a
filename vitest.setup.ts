import fc from "fast-check";

// The same samples on every machine, so that a change is judged by what it changed. FC_SEED=N looks at others.
const { FC_SEED = "1" } = process.env;
fc.configureGlobal({ seed: Number(FC_SEED) });
