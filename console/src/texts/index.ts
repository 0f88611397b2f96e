import { en } from "./en";

/** A catalogue in another language has the same entries; the compiler holds it to them. */
export type Texts = typeof en;

export const t: Texts = en;
