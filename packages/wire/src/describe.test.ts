import { expect, test } from "vitest";
import { buffer } from "./buffer.ts";
import { fromHex, toHex } from "./bytes.ts";
import { choice } from "./choice.ts";
import { describe, formatDescription, refusedPath } from "./describe.ts";
import { UINT8, UINT16 } from "./integers.ts";
import { list } from "./list.ts";
import { sized } from "./sized.ts";
import { struct } from "./struct.ts";

const COLOUR = choice("COLOUR", UINT8, { values: [1], names: { RED: 1 }, reason: "VALUE" });
const ITEM = struct("ITEM", { colour: COLOUR, data: buffer("DATA", { max: 4 }) });
const MESSAGE = struct("MESSAGE", { id: UINT16, items: list("ITEMS", sized("SIZED_ITEM", ITEM), { max: 2 }) });

test("names every part, with offset, size and text", () => {
  const root = describe(MESSAGE, fromHex("0007 00000001 0005 01 0002 aabb"));
  expect(formatDescription(root)).toBe(
    [
      "   0  MESSAGE: MESSAGE",
      "     0  id: UINT16  7 (0x0007)",
      "     2  items: ITEMS  1 elements",
      "       2  count: UINT32  1 (0x00000001)",
      "       6  [0]: SIZED_ITEM",
      "         6  size: UINT16  5 (0x0005)",
      "         8  ITEM: ITEM",
      "           8  colour: COLOUR  RED",
      "           9  data: DATA  aabb",
    ].join("\n"),
  );
  expect(root).toMatchObject({ offset: 0, size: 13 });
  expect(toHex(root.raw)).toBe("0007000000010005010002aabb");
  expect(refusedPath(root)).toBeUndefined();
});

test("shows what came before a refusal and where it happened", () => {
  const root = describe(MESSAGE, fromHex("0007 00000001 0005 02 0002 aabb"));
  expect(refusedPath(root)).toBe("MESSAGE.items.[0].ITEM.colour");
  expect(root.refusal).toMatchObject({ reason: "VALUE", offset: 8 });
  expect(root.children[0]).toMatchObject({ name: "id", text: "7 (0x0007)" });
});
