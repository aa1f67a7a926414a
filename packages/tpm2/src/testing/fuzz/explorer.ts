import type { Step } from "./plan.ts";
import { ANYTHING_RECIPES } from "./recipes/anything.ts";
import { ATTESTATION_RECIPES } from "./recipes/attestation.ts";
import { CRYPTO_RECIPES } from "./recipes/cryptography.ts";
import { MANAGEMENT_RECIPES, PLATFORM_RECIPES } from "./recipes/management.ts";
import { NV_RECIPES } from "./recipes/nv.ts";
import { OBJECT_RECIPES } from "./recipes/objects.ts";
import { POLICY_RECIPES } from "./recipes/policies.ts";
import type { NamedRecipe } from "./recipes/recipe.ts";
import { SESSION_RECIPES } from "./recipes/sessions.ts";
import { lockedOut, started } from "./recipes/upkeep.ts";
import type { Recipe, World } from "./world.ts";

/** What can be asked of any TPM. */
export const COMMON_RECIPES: readonly NamedRecipe[] = [
  ...SESSION_RECIPES,
  ...OBJECT_RECIPES,
  ...NV_RECIPES,
  ...POLICY_RECIPES,
  ...CRYPTO_RECIPES,
  ...ATTESTATION_RECIPES,
  ...MANAGEMENT_RECIPES,
  ...ANYTHING_RECIPES,
];

/** The same and what only a platform in our hands can do. */
export const ALL_RECIPES: readonly NamedRecipe[] = [...COMMON_RECIPES, ...PLATFORM_RECIPES];

/** An endless sequence: one recipe after the other, now and then one in the middle of another. */
export function* explore(world: World, recipes: readonly NamedRecipe[]): Recipe {
  for (;;) {
    yield* started(world);
    yield* lockedOut(world);
    yield* interrupted(world, world.dice.weighted(recipes).steps(world), recipes);
  }
}

function* interrupted(world: World, recipe: Recipe, recipes: readonly NamedRecipe[]): Recipe {
  let next = recipe.next();
  while (next.done !== true) {
    const step: Step = next.value;
    const outcome = yield step;
    if (world.dice.chance(0.02)) yield* world.dice.weighted(recipes).steps(world);
    next = recipe.next(outcome);
  }
}
