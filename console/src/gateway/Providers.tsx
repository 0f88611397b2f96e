import { Alert, Button, Group, Modal, NativeSelect, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { dataOf, pageOf, type Schemas } from "../api/client";
import { useChange, usePages } from "../api/queries";
import { Confirm } from "../frame/Confirm";
import { Soft, Status } from "../frame/Facts";
import { Page } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Empty, LoadedPages, Refusal } from "../frame/States";
import { useMay } from "../frame/workspace";
import { t } from "../texts";
import { addressOf, type Kind } from "./providerKinds";

const route = getRouteApi("/w/$workspaceId/gateway/providers");
const words = t.gateway.providers;

export type Provider = Schemas["ProviderAnswer"];

export function useProviders(enabled = true) {
  return usePages<Provider>(["providers"], (api, cursor, signal) => pageOf(api.GET("/v1/gateway/providers", { params: { query: { limit: 100, cursor } }, signal })), { enabled });
}

/** Calls the provider once and says how it went. */
export function TestProvider({ of }: { of: Pick<Provider, "id" | "name"> }) {
  const test = useChange<null, Schemas["TestProviderAnswer"]>((api) => dataOf(api.POST("/v1/gateway/providers/{id}/test", { params: { path: { id: of.id } } })), [["targets"]]);
  return (
    <Group gap="xs" wrap="nowrap">
      <Button size="xs" variant="default" loading={test.isPending} onClick={() => test.mutate(null)} aria-label={words.testOf(of.name)}>{words.test}</Button>
      <span role="status">
        {test.data && (test.data.result === "ok"
          ? <Group gap={6} wrap="nowrap"><Status name="ok" /><Soft>{words.tested(test.data.milliseconds)}</Soft></Group>
          : <Text size="sm" c="red" maw={320}>{test.data.message}</Text>)}
        {test.error && <Text size="sm" c="red" maw={320}>{test.error.message}</Text>}
      </span>
    </Group>
  );
}

/** The least that a provider needs; the rest has defaults that the API documents. */
export function ProviderForm({ onMade }: { onMade: (provider: Provider) => void }) {
  const [kind, setKind] = useState<Kind>("openai");
  const [name, setName] = useState("OpenAI");
  const [address, setAddress] = useState(addressOf("openai"));
  const [apiKey, setApiKey] = useState("");
  const [version, setVersion] = useState("");
  const add = useChange<null, Provider>((api, _, key) => dataOf(api.POST("/v1/gateway/providers", {
    body: { name, kind, base_url: address, ...(apiKey ? { api_key: apiKey } : {}), ...(kind === "azure_openai" && version ? { api_version: version } : {}) },
    params: { header: { "Idempotency-Key": key } },
  })), [["providers"]]);
  const choose = (next: Kind) => {
    setKind(next);
    setName(t.gateway.providers.kinds[next].replace(/ and compatible$/, ""));
    setAddress(addressOf(next));
  };
  return (
    <form onSubmit={(event) => {
      event.preventDefault();
      add.mutate(null, { onSuccess: onMade });
    }}>
      <Stack>
        <NativeSelect label={words.kind} value={kind} onChange={(event) => choose(event.currentTarget.value as Kind)} data={Object.entries(words.kinds).map(([value, label]) => ({ value, label }))} />
        <TextInput label={words.name} required value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <TextInput label={words.baseUrl} description={words.baseUrlHint} type="url" required value={address} onChange={(event) => setAddress(event.currentTarget.value)} />
        {kind === "azure_openai" && <TextInput label={words.apiVersion} value={version} onChange={(event) => setVersion(event.currentTarget.value)} />}
        <PasswordInput label={words.apiKey} description={words.apiKeyHint} autoComplete="off" value={apiKey} onChange={(event) => setApiKey(event.currentTarget.value)} />
        {add.error && <Refusal fault={add.error} />}
        <Group justify="flex-end"><Button type="submit" loading={add.isPending}>{words.submit}</Button></Group>
      </Stack>
    </form>
  );
}

function RemoveProvider({ of }: { of: Provider }) {
  const [isOpen, setOpen] = useState(false);
  const remove = useChange<null, Provider>((api) => dataOf(api.DELETE("/v1/gateway/providers/{id}", { params: { path: { id: of.id } } })), [["providers"], ["models"]]);
  return (
    <>
      <Button size="xs" variant="subtle" color="red" aria-label={words.removeOf(of.name)} onClick={() => setOpen(true)}>{words.remove}</Button>
      <Confirm opened={isOpen} title={words.removeOf(of.name)} submit={words.remove} isBusy={remove.isPending} fault={remove.error} onClose={() => setOpen(false)}
        onSubmit={() => remove.mutate(null, { onSuccess: () => setOpen(false) })}>
        <Text size="sm">{words.removeText}</Text>
      </Confirm>
    </>
  );
}

export function Providers() {
  const { add } = route.useSearch();
  const navigate = route.useNavigate();
  const mayWrite = useMay("providers:write");
  const providers = useProviders();
  const [made, setMade] = useState<Provider | null>(null);
  const open = (isOpen: boolean) => void navigate({ search: isOpen ? { add: true } : { add: undefined } });
  const button = mayWrite && <Button onClick={() => open(true)}>{words.add}</Button>;
  return (
    <Page title={words.title} lead={words.lead} actions={button}>
      {made && <Alert color="teal" mb="md" title={made.name} withCloseButton onClose={() => setMade(null)} closeButtonLabel={t.close}><Stack gap="xs"><Text size="sm">{words.added}</Text><TestProvider of={made} /></Stack></Alert>}
      <LoadedPages of={providers} empty={<Empty title={words.empty} text={words.emptyText} action={button || undefined} />}>
        {(rows) => (
          <Rows caption={words.title} rows={rows} keyOf={(provider) => provider.id} columns={[
            { name: words.name, of: (provider) => provider.name },
            { name: words.kind, of: (provider) => words.kinds[provider.kind as Kind] ?? provider.kind },
            { name: words.address, of: (provider) => <code>{provider.base_url ?? t.none}</code> },
            { name: words.key, of: (provider) => provider.key_last4 ? <code>…{provider.key_last4}</code> : <Soft>{words.noKey}</Soft> },
            { name: words.owner, of: (provider) => words.owners[provider.owner as keyof typeof words.owners] ?? provider.owner },
            { name: words.status, of: (provider) => <Status name={provider.status} /> },
            ...(mayWrite ? [{ name: words.test, of: (provider: Provider) => <TestProvider of={provider} /> }, { name: words.remove, of: (provider: Provider) => <RemoveProvider of={provider} /> }] : []),
          ]} />
        )}
      </LoadedPages>
      <Modal opened={add === true && mayWrite} onClose={() => open(false)} title={words.add}>
        <ProviderForm onMade={(provider) => {
          setMade(provider);
          open(false);
        }} />
      </Modal>
    </Page>
  );
}
