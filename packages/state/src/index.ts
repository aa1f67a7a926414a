export { ImageError } from "./image-error.ts";
