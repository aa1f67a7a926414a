import type { Codec } from "@vtpm/wire";
import { isInhabited } from "@vtpm/wire/testing";
import { TPM_CC } from "../../../spec/command-codes.ts";
import { TPM_RH } from "../../../spec/handles.ts";
import type { Recipe, World } from "../world.ts";
import type { NamedRecipe } from "./recipe.ts";

/** Any command at all with parameters of the right types, as its declaration tells them. */
function* anyCommand(world: World): Recipe {
  const { dice, profile } = world;
  const command = dice.pick(
    [...world.commands.values()].filter(
      // What compares random bytes with the time may find either larger, where time passes by itself.
      ({ code }) => profile.allows("CC", code) && (world.ownsClock || code !== TPM_CC.PolicyCounterTimer),
    ),
  );
  const handles = liveHandles(world);
  const input: Record<string, unknown> = {};
  for (const [name, codec] of command.handles) {
    const fitting = handles.filter((handle) => accepts(codec, handle));
    input[name] = dice.maybe(fitting) ?? dice.value(codec, profile);
    if (dice.chance(0.05)) input[name] = dice.pick(handles);
  }
  for (const [name, codec] of command.parameters) {
    if (!isInhabited(codec, profile)) return;
    input[name] = dice.value(codec, profile);
  }
  yield world.plan(command, world.newId(), input, {});
}

function accepts(codec: Codec<number>, handle: number): boolean {
  // A handle type is a choice, which can tell; the declaration forgets that.
  return "includes" in codec && typeof codec.includes === "function" && codec.includes(handle) === true;
}

function liveHandles(world: World): number[] {
  return [
    TPM_RH.OWNER,
    TPM_RH.ENDORSEMENT,
    TPM_RH.PLATFORM,
    TPM_RH.LOCKOUT,
    TPM_RH.NULL,
    0,
    16,
    23,
    ...world.objects().map(({ handle }) => handle),
    ...world.indices(),
    ...world.liveSessions().map(({ handle }) => handle),
  ];
}

/** Commands that nobody has thought of. */
export const ANYTHING_RECIPES: readonly NamedRecipe[] = [{ name: "any command", weight: 12, steps: anyCommand }];
