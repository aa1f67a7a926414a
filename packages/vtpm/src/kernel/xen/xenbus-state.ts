/** How far the two ends of a device are. Xen's `io/xenbus.h`: `enum xenbus_state` */
export const XENBUS_STATE = {
  INITIALISING: 1,
  INIT_WAIT: 2,
  INITIALISED: 3,
  CONNECTED: 4,
  CLOSING: 5,
  CLOSED: 6,
} as const;
export type XenbusState = (typeof XENBUS_STATE)[keyof typeof XENBUS_STATE];

/** The state that a text in xenstore stands for; `undefined` for none or anything else. */
export function xenbusState(text: string | undefined): XenbusState | undefined {
  return Object.values(XENBUS_STATE).find((state) => String(state) === text);
}

/** The number that a text in xenstore stands for; another domain may have written anything. */
export function decimal(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}
