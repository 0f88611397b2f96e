// Verifies a webhook of Crew (Standard Webhooks 1.0). Give it the raw body, not what a framework made of it.
import { createHmac, timingSafeEqual } from "node:crypto";

const toleranceSeconds = 300;

/** Whether the delivery is Crew's and fresh. Remember webhook-id: a delivery may come twice, under the same id. */
export function verify(secret: string, headers: Record<string, string>, body: Uint8Array, now: number = Date.now() / 1000): boolean {
  const header = (name: string): string => Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1] ?? "";
  const sentAt = header("webhook-timestamp");
  if (!/^[0-9]+$/.test(sentAt) || Math.abs(now - Number(sentAt)) > toleranceSeconds) {
    return false;
  }

  const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice("whsec_".length), "base64") : Buffer.from(secret, "utf8");
  const signature = createHmac("sha256", key).update(`${header("webhook-id")}.${sentAt}.`).update(body).digest();
  const expected = Buffer.from(`v1,${signature.toString("base64")}`);
  // During a rotation there are several; every one is compared, in constant time.
  return header("webhook-signature").split(" ").map((given) => {
    const bytes = Buffer.from(given);
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  }).some(Boolean);
}
