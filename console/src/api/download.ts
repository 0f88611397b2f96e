import { faultOf } from "./fault";

/** Fetches a file as the person in the workspace, and has the browser keep it. A plain link could not name the workspace. */
export async function download(workspaceId: string, path: string, name: string) {
  const response = await fetch(path, { headers: { "X-Crew-Workspace": workspaceId } });
  if (!response.ok) {
    throw faultOf(response, await response.json().catch(() => null));
  }
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
