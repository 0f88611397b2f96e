import type { ReactNode } from "react";

/** Pictures beside words; they carry no meaning of their own. */
function Icon({ children }: { children: ReactNode }) {
  return (
    <svg aria-hidden="true" focusable="false" width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round">
      {children}
    </svg>
  );
}

export const IconCopy = () => <Icon><rect x="8" y="8" width="12" height="12" rx="2" /><path d="M16 8V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h2" /></Icon>;
export const IconCheck = () => <Icon><path d="M5 12l5 5L20 7" /></Icon>;
export const IconHome = () => <Icon><path d="M4 11l8-7 8 7v8a1 1 0 0 1-1 1h-4v-6H9v6H5a1 1 0 0 1-1-1z" /></Icon>;
export const IconKey = () => <Icon><circle cx="8" cy="15" r="4" /><path d="M11 12l9-9M16 7l3 3" /></Icon>;
export const IconPlay = () => <Icon><path d="M7 4v16l13-8z" /></Icon>;
export const IconChart = () => <Icon><path d="M4 20V4M4 20h16M8 16v-4M12 16V8M16 16v-6" /></Icon>;
export const IconCoins = () => <Icon><circle cx="12" cy="12" r="8.500" /><path d="M14.500 9.500c-.500-1-1.500-1.500-2.500-1.500-1.500 0-2.500.800-2.500 2s1 1.700 2.500 2 2.500.800 2.500 2-1 2-2.500 2c-1 0-2-.500-2.500-1.500M12 6v2M12 16v2" /></Icon>;
export const IconPlug = () => <Icon><path d="M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4" /></Icon>;
export const IconCube = () => <Icon><path d="M12 3l8 4.500v9L12 21l-8-4.500v-9zM12 12l8-4.500M12 12v9M12 12L4 7.500" /></Icon>;
export const IconPulse = () => <Icon><path d="M3 12h4l3-8 4 16 3-8h4" /></Icon>;
export const IconList = () => <Icon><path d="M8 6h12M8 12h12M8 18h12M4 6h.010M4 12h.010M4 18h.010" /></Icon>;
export const IconPeople = () => <Icon><circle cx="9" cy="8" r="3.500" /><path d="M3 20c0-3.500 2.700-6 6-6s6 2.500 6 6M16 5a3.500 3.500 0 0 1 0 6.500M18 14.500c2 .800 3 2.800 3 5.500" /></Icon>;
export const IconLayers = () => <Icon><path d="M12 3l9 5-9 5-9-5zM3 13l9 5 9-5" /></Icon>;
export const IconBook = () => <Icon><path d="M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h11" /></Icon>;
export const IconDevice = () => <Icon><rect x="3" y="5" width="18" height="12" rx="2" /><path d="M8 21h8" /></Icon>;
export const IconBuilding = () => <Icon><path d="M4 21V5l8-2v18M12 8l8 2v11M3 21h18M7 9h2M7 13h2M15 13h2M15 17h2" /></Icon>;
export const IconSearch = () => <Icon><circle cx="11" cy="11" r="6.500" /><path d="M16 16l5 5" /></Icon>;
export const IconMenu = () => <Icon><path d="M4 7h16M4 12h16M4 17h16" /></Icon>;
export const IconSun = () => <Icon><circle cx="12" cy="12" r="4" /><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600l1.400 1.400M17 17l1.400 1.400M5.600 18.400L7 17M17 7l1.400-1.400" /></Icon>;
export const IconMoon = () => <Icon><path d="M20 14.500A8.500 8.500 0 1 1 9.500 4a7 7 0 0 0 10.500 10.500z" /></Icon>;
export const IconPlus = () => <Icon><path d="M12 5v14M5 12h14" /></Icon>;
export const IconRocket = () => <Icon><path d="M12 15l-3-3c1-4 4-8 11-9-1 7-5 10-9 11zM9 12H5l2-4h4M12 15v4l4-2v-4M6 16c-1.500.500-2 3-2 4 1 0 3.500-.500 4-2" /></Icon>;
export const IconWarning = () => <Icon><path d="M12 4l9 16H3zM12 10v4M12 17h.010" /></Icon>;
