const lastKey = "crew.workspace";

/** Off to the sign-in page, which comes back to this very place; it follows paths of this server only. */
export function signIn() {
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
}

/** The workspace that was looked at last at this browser. */
export function lastWorkspace(): string | null {
  try {
    return window.localStorage.getItem(lastKey);
  } catch {
    return null; // Storage can be forbidden; then the first workspace is as good.
  }
}

export function rememberWorkspace(id: string) {
  try {
    window.localStorage.setItem(lastKey, id);
  } catch {
    // Nothing is lost but the memory of it.
  }
}

/** Which of the workspaces that one may go to comes first. */
export function chooseWorkspace(offered: readonly string[], last: string | null): string | undefined {
  return last && offered.includes(last) ? last : offered[0];
}
