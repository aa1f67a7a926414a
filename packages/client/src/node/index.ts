export { StreamTransport, type StreamTransportOptions } from "./stream-transport.ts";
