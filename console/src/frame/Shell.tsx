import { ActionIcon, Button, Kbd, Menu, Text, UnstyledButton, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { Link, useLocation } from "@tanstack/react-router";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { t } from "../texts";
import classes from "./frame.module.css";
import { IconMenu, IconMoon, IconSearch, IconSun } from "./icons";
import { documentation, menuOf } from "./navigation";
import { Palette } from "./Palette";
import { Switcher } from "./Switcher";
import { usePlace } from "./workspace";

function Scheme() {
  const { setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const isDark = useComputedColorScheme("light") === "dark";
  return (
    <ActionIcon variant="subtle" color="gray" size="lg" aria-label={isDark ? t.bar.light : t.bar.dark} onClick={() => setColorScheme(isDark ? "light" : "dark")}>
      {isDark ? <IconSun /> : <IconMoon />}
    </ActionIcon>
  );
}

function Person() {
  const { me, workspaceId } = usePlace();
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <Button variant="subtle" color="gray" px="xs" aria-label={t.bar.person(me.principal.name)}>{me.principal.name.slice(0, 1).toUpperCase()}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {me.principal.name}
          <Text size="xs">{me.role ? t.roles[me.role as keyof typeof t.roles] ?? me.role : t.bar.organizationOnly}</Text>
        </Menu.Label>
        <Menu.Item component="a" href="/account">{t.nav.account}</Menu.Item>
        <Menu.Item renderRoot={(props) => <Link to="/w/$workspaceId/sessions" params={{ workspaceId }} {...props} />}>{t.nav.sessions}</Menu.Item>
        <Menu.Divider />
        <form method="post" action="/account/sign-out">
          <input type="hidden" name="csrf" value={me.csrf_token ?? ""} />
          <Menu.Item type="submit" component="button">{t.bar.signOut}</Menu.Item>
        </form>
      </Menu.Dropdown>
    </Menu>
  );
}

function Navigation({ isOpen }: { isOpen: boolean }) {
  const { me, workspaceId } = usePlace();
  return (
    <nav className={classes.side} data-open={isOpen} aria-label={t.bar.navigation} id="navigation" tabIndex={-1}>
      {menuOf(me).map((section) => (
        <div key={section.name ?? "top"}>
          {section.name && <h2>{section.name}</h2>}
          <ul>
            {section.places.map((place) => (
              <li key={place.path}>
                <Link to={`/w/${workspaceId}${place.path}` as string} className={classes.link} activeOptions={{ exact: place.path === "" }} activeProps={{ "aria-current": "page" }}>
                  <place.icon />
                  {place.name}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
      <ul>
        <li><a className={classes.link} href={documentation.path}><documentation.icon />{documentation.name}</a></li>
      </ul>
    </nav>
  );
}

/** Bar, menu and content. The menu folds away where the window is narrow. */
export function Shell({ children }: { children: ReactNode }) {
  const { workspaceId } = usePlace();
  const [isOpen, setOpen] = useState(false);
  const [isSearching, setSearching] = useState(false);
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const before = useRef(pathname);
  useHotkeys([["mod+K", () => setSearching(true)]], []);
  useEffect(() => {
    if (before.current !== pathname) {
      // A new page begins at its top, for screen readers as well.
      before.current = pathname;
      setOpen(false);
      main.current?.focus({ preventScroll: true });
    }
  }, [pathname]);
  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#main">{t.bar.skip}</a>
      <header className={classes.bar}>
        <ActionIcon className={classes.menu} variant="subtle" color="gray" size="lg" aria-label={t.bar.menu} aria-expanded={isOpen} aria-controls="navigation" onClick={() => setOpen(!isOpen)}>
          <IconMenu />
        </ActionIcon>
        <Link to="/w/$workspaceId" params={{ workspaceId }} className={`${classes.brand} ${classes.wide}`}>{t.name}</Link>
        <Switcher />
        <span className={classes.spring} />
        <UnstyledButton className={classes.link} onClick={() => setSearching(true)} title={t.palette.open} aria-keyshortcuts="Control+K Meta+K">
          <IconSearch />
          <span className={classes.wide}>{t.palette.short} <Kbd size="xs">Ctrl K</Kbd></span>
        </UnstyledButton>
        <Scheme />
        <Person />
      </header>
      <Navigation isOpen={isOpen} />
      <main id="main" className={classes.main} tabIndex={-1} ref={main}>{children}</main>
      <Palette isOpen={isSearching} close={() => setSearching(false)} />
    </div>
  );
}
