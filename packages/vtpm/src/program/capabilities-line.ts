/** Capabilities as swtpm's tools print them: on one line, with blanks inside the brackets. */
export function capabilitiesLine(capabilities: Readonly<Record<string, string | readonly string[]>>): string {
  const text = (value: string | readonly string[]): string =>
    typeof value === "string" ? JSON.stringify(value) : `[ ${value.map((each) => JSON.stringify(each)).join(", ")} ]`;
  const members = Object.entries(capabilities).map(([name, value]) => `"${name}": ${text(value)}`);
  return `{ ${members.join(", ")} }\n`;
}
