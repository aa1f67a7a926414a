import type { Recipe, World } from "../world.ts";

/** A way to go on with a sequence. */
export interface NamedRecipe {
  readonly name: string;
  /** How often, compared with the others. */
  readonly weight: number;
  readonly steps: (world: World) => Recipe;
}
