import { Alert, createTheme, Modal, Tooltip } from "@mantine/core";
import { t } from "../texts";
import { look } from "./look";

export const theme = createTheme({
  ...look,
  components: {
    // Locking the page behind would write a style element, which the content security policy forbids.
    Modal: Modal.extend({ defaultProps: { lockScroll: false, closeButtonProps: { "aria-label": t.close } } }),
    // Its header would be a second banner of the page.
    ModalHeader: { defaultProps: { role: "none" } },
    Alert: Alert.extend({ defaultProps: { variant: "light" } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 250 } }),
  },
});
