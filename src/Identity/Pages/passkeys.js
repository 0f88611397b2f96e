// Asks the browser for a passkey and sends its answer with the form that it belongs to. Where browsers have none, the forms stay hidden.
(() => {
  "use strict";
  if (!window.PublicKeyCredential || !navigator.credentials) {
    return;
  }

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const known = (list) => (list || []).map((credential) => ({ ...credential, id: bytes(credential.id) }));

  const optionsOf = (form) => {
    const options = JSON.parse(form.dataset.options);
    options.challenge = bytes(options.challenge);
    if (options.user) {
      options.user.id = bytes(options.user.id);
      options.excludeCredentials = known(options.excludeCredentials);
    } else {
      options.allowCredentials = known(options.allowCredentials);
    }
    return options;
  };

  const answerOf = (credential) => {
    const response = { clientDataJSON: text(credential.response.clientDataJSON) };
    if (credential.response.attestationObject) {
      response.attestationObject = text(credential.response.attestationObject);
      response.transports = credential.response.getTransports ? credential.response.getTransports() : [];
    } else {
      response.authenticatorData = text(credential.response.authenticatorData);
      response.signature = text(credential.response.signature);
      if (credential.response.userHandle) {
        response.userHandle = text(credential.response.userHandle);
      }
    }
    return JSON.stringify({ id: credential.id, rawId: credential.id, type: credential.type, clientExtensionResults: credential.getClientExtensionResults(), response });
  };

  const messages = {
    NotAllowedError: "The browser gave no passkey: it was cancelled, took too long, or there is none for this address.",
    InvalidStateError: "This device holds a passkey for this account already.",
    SecurityError: "The browser makes no passkeys for this address. Open the page under the server's own address.",
  };

  const send = (form, credential) => {
    form.elements.credential.value = answerOf(credential);
    const email = document.querySelector("input[type=email]");
    if (form.elements.email && email) {
      form.elements.email.value = email.value.trim();
    }
    form.submit();
  };

  let waiting = null;

  const ask = async (form) => {
    const alert = form.querySelector("[role=alert]");
    alert.hidden = true;
    if (waiting) {
      waiting.abort();
      waiting = null;
    }
    try {
      const publicKey = optionsOf(form);
      send(form, await (publicKey.user ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey })));
    } catch (error) {
      alert.textContent = messages[error.name] || "The browser gave no passkey.";
      alert.hidden = false;
    }
  };

  // Offers passkeys among what the browser fills into the field of the address; who does not choose one notices nothing.
  const offer = async (form) => {
    if (!PublicKeyCredential.isConditionalMediationAvailable || !(await PublicKeyCredential.isConditionalMediationAvailable())) {
      return;
    }
    waiting = new AbortController();
    try {
      send(form, await navigator.credentials.get({ publicKey: optionsOf(form), mediation: "conditional", signal: waiting.signal }));
    } catch {
      // Nobody chose one.
    }
  };

  for (const form of document.querySelectorAll("form[data-options]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form);
    });
    if (form.dataset.offer !== undefined) {
      offer(form);
    }
  }
})();
