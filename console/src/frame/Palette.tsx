import { Modal, Text, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { t } from "../texts";
import classes from "./frame.module.css";
import { IconSearch } from "./icons";
import { actions, isOpenTo, menuOf, pageOfId, search, type Destination } from "./navigation";
import { usePlace } from "./workspace";

/** Everything that can be gone to or begun, by typing; an id that is pasted leads to its page. */
export function Palette({ isOpen, close }: { isOpen: boolean; close: () => void }) {
  const { me, workspaceId } = usePlace();
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const navigate = useNavigate();
  const found = useMemo(() => {
    const all = [...menuOf(me).flatMap((section) => section.places), ...actions.filter((action) => isOpenTo(me, action))];
    const page = pageOfId(typed);
    return page ? [{ path: page, name: t.palette.open_id(typed.trim()), icon: IconSearch, needs: [] } satisfies Destination] : search(all, typed);
  }, [me, typed]);
  useEffect(() => setAt(0), [typed, isOpen]);
  useEffect(() => list.current?.children[at]?.scrollIntoView({ block: "nearest" }), [at]);

  const go = (place: Destination | undefined) => {
    if (place) {
      close();
      setTyped("");
      void navigate({ href: `/w/${workspaceId}${place.path}` });
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length > 0) {
      event.preventDefault();
      setAt((at + step + found.length) % found.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(found[at]);
    }
  };

  return (
    <Modal opened={isOpen} onClose={close} title={t.palette.title} size="lg" yOffset="10dvh">
      <TextInput
        data-autofocus value={typed} onChange={(event) => setTyped(event.currentTarget.value)} onKeyDown={onKeyDown} placeholder={t.palette.hint} aria-label={t.palette.title}
        role="combobox" aria-expanded aria-controls="commands" aria-activedescendant={found[at] ? `command-${at}` : undefined} leftSection={<IconSearch />}
      />
      <ul className={classes.palette} role="listbox" id="commands" aria-label={t.palette.results} ref={list}>
        {found.map((place, index) => (
          <li key={place.path} id={`command-${index}`} role="option" aria-selected={index === at} onMouseEnter={() => setAt(index)} onClick={() => go(place)}>
            <place.icon />
            {place.name}
          </li>
        ))}
      </ul>
      {found.length === 0 && <Text c="dimmed" size="sm" p="sm">{t.palette.nothing}</Text>}
    </Modal>
  );
}
