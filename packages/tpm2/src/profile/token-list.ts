/** The tokens of a comma list; of several that set the same thing the last one counts. */
export function uniqueTokens(text: string): readonly string[] {
  const tokens = text.split(",");
  const last = new Map(tokens.map((token, i) => [subjectOf(token), i]));
  return tokens.filter((token, i) => last.get(subjectOf(token)) === i);
}

/** What a token is about: all of it, or of a setting `name=value` the name. */
const subjectOf = (token: string): string => token.slice(0, token.indexOf("=") + 1) || token;
