import type { Draft } from "./draft";

const nameOf = (workspaceId: string) => `crew.key-draft.${workspaceId}`;

/** What was filled in before one had to go elsewhere; in this tab only, and gone with it. */
export function keptDraft(workspaceId: string): Draft | null {
  try {
    const text = window.sessionStorage.getItem(nameOf(workspaceId));
    return text ? (JSON.parse(text) as Draft) : null;
  } catch {
    return null;
  }
}

export function keepDraft(workspaceId: string, draft: Draft | null) {
  try {
    if (draft) {
      window.sessionStorage.setItem(nameOf(workspaceId), JSON.stringify(draft));
    } else {
      window.sessionStorage.removeItem(nameOf(workspaceId));
    }
  } catch {
    // The form works without.
  }
}
