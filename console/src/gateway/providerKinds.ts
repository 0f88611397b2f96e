export type Kind = "openai" | "anthropic" | "azure_openai";

const addresses: Record<Kind, string> = { openai: "https://api.openai.com/v1", anthropic: "https://api.anthropic.com/v1", azure_openai: "https://" };

/** Where a kind of provider most often is. */
export const addressOf = (kind: Kind) => addresses[kind];
