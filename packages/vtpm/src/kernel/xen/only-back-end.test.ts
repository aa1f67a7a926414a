import { symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeXenstored } from "../../testing/fake-xenstored.ts";
import { becomeOnlyBackEnd } from "./only-back-end.ts";

let xenstored: FakeXenstored;
beforeEach(async () => {
  xenstored = await FakeXenstored.start();
});
afterEach(() => xenstored.stop());

test("there is one back end of a xenstored, whatever path leads there", async () => {
  const giveUp = await becomeOnlyBackEnd(xenstored.path);
  const elsewhere = `${dirname(xenstored.path)}/link`;
  symlinkSync(xenstored.path, elsewhere);
  await expect(becomeOnlyBackEnd(elsewhere)).rejects.toMatchObject({ code: "XEN_IN_USE" });
  await giveUp();
  const again = await becomeOnlyBackEnd(elsewhere);
  await again();
});

test("another xenstored has its own", async () => {
  const other = await FakeXenstored.start();
  const ends = [await becomeOnlyBackEnd(xenstored.path), await becomeOnlyBackEnd(other.path)];
  for (const end of ends) await end();
  await other.stop();
});
