import { ProfileError } from "./profile-error.ts";
import { uniqueTokens } from "./token-list.ts";

/** A profile as it is written down. Lists that are absent are those of the profile of that name. */
export interface ProfileConfiguration {
  readonly name: string;
  readonly stateFormatLevel?: number | undefined;
  readonly commands?: string | undefined;
  readonly algorithms?: string | undefined;
  readonly attributes?: string | undefined;
  readonly description?: string | undefined;
}

const MAX_NAME = 32;
const MAX_DESCRIPTION = 250;

const ENTRY = String.raw`[ \t\n\v\f\r]*"([^"]+)"[ \t\n\v\f\r]*:[ \t\n\v\f\r]*("[^"]*"|[0-9]+)[ \t\n\v\f\r]*`;
const OBJECT = new RegExp(`^\\{[ \\t\\n\\v\\f\\r]*(?:${ENTRY})?(?:,${ENTRY})*\\}$`);

/**
 * Reads the text of a profile as libtpms does: a flat object of texts and numbers without escapes, of which members it
 * does not know are passed over. An empty list counts as absent, an empty list of attributes as a list.
 */
export function readConfiguration(text: string): ProfileConfiguration {
  if (!OBJECT.test(text)) {
    throw new ProfileError(
      "SYNTAX",
      text.slice(0, 40),
      'a profile is a JSON object of texts and whole numbers, such as {"Name":"default-v2"}',
    );
  }
  const members = new Map<string, string>();
  for (const [, key = "", value = ""] of text.matchAll(new RegExp(ENTRY, "g"))) members.set(key, value);
  const name = textOf(members, "Name");
  if (name === undefined || name === "") {
    throw new ProfileError("NAME", "Name", 'a profile needs a "Name", such as {"Name":"default-v2"}');
  }
  return {
    name: name.slice(0, MAX_NAME),
    stateFormatLevel: numberOf(members, "StateFormatLevel"),
    commands: listOf(members, "Commands"),
    algorithms: listOf(members, "Algorithms"),
    attributes: textOf(members, "Attributes") === "" ? "" : listOf(members, "Attributes"),
    description: textOf(members, "Description")?.slice(0, MAX_DESCRIPTION) || undefined,
  };
}

/** The text of a profile as libtpms writes it into the state. */
export function writeConfiguration(profile: ProfileConfiguration): string {
  const members: readonly (readonly [string, string | number | undefined])[] = [
    ["Name", profile.name],
    ["StateFormatLevel", profile.stateFormatLevel],
    ["Commands", profile.commands],
    ["Algorithms", profile.algorithms],
    ["Attributes", profile.attributes],
    ["Description", profile.description],
  ];
  const written = members.flatMap(([key, value]) => {
    if (value === undefined) return [];
    return [typeof value === "number" ? `"${key}":${value}` : `"${key}":"${value}"`];
  });
  return `{${written.join(",")}}`;
}

function textOf(members: ReadonlyMap<string, string>, key: string): string | undefined {
  const value = members.get(key);
  if (value === undefined) return undefined;
  if (!value.startsWith('"')) {
    throw new ProfileError("VALUE", key, `"${key}" of a profile is a text; write it in quotation marks`);
  }
  return value.slice(1, -1);
}

function numberOf(members: ReadonlyMap<string, string>, key: string): number | undefined {
  const value = members.get(key);
  if (value === undefined) return undefined;
  if (value.startsWith('"')) {
    throw new ProfileError("VALUE", key, `"${key}" of a profile is a number; write it without quotation marks`);
  }
  return Number(value);
}

function listOf(members: ReadonlyMap<string, string>, key: string): string | undefined {
  const text = textOf(members, key);
  return text === undefined || text === "" ? undefined : uniqueTokens(text).join(",");
}
