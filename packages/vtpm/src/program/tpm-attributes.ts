/** What swtpm tells of a TPM (`TPMSpecification`, `TPMAttributes`), as options of the certificate tools. */
export function attributesOf(information: string): Readonly<Record<string, string>> {
  const info: unknown = JSON.parse(information);
  const text = (group: string, member: string): string => {
    const found = new Map(Object.entries(info ?? {})).get(group);
    return String(new Map(Object.entries(found ?? {})).get(member) ?? "");
  };
  return {
    "tpm-spec-family": text("TPMSpecification", "family"),
    "tpm-spec-level": text("TPMSpecification", "level"),
    "tpm-spec-revision": text("TPMSpecification", "revision"),
    "tpm-manufacturer": text("TPMAttributes", "manufacturer"),
    "tpm-model": text("TPMAttributes", "model"),
    "tpm-version": text("TPMAttributes", "version"),
  };
}
