// The OpenAPI documents in Swagger UI, one service at a time, with the token of this page.
import { ABOUT, fill, make, place, say } from "./page.js";
import { onToken, token } from "./token.js";

let ui = null;
let shown = null;

export function drawApi(section) {
  const tabs = make("div", { class: "tabs", role: "tablist" },
    ...ABOUT.services.map((name) => make("a", { href: `#api/${name}`, role: "tab", "data-service": name }, name)));
  fill(section, make("p", { class: "lead" }, say("apiLead")), tabs, make("div", { id: "swagger" }));
  onToken(authorize);
}

export function showApi(service) {
  if (shown === service) return;
  shown = service;
  for (const tab of place("api").querySelectorAll("[role=tab]")) {
    tab.setAttribute("aria-selected", String(tab.dataset.service === service));
  }
  if (!ABOUT.swagger) return fill(place("swagger"), say("noSwagger"));
  fill(place("swagger"));
  ui = window.SwaggerUIBundle({
    domNode: place("swagger"),
    url: `/${service}/v1/openapi.json`,
    validatorUrl: null,
    deepLinking: false,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    filter: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    presets: [window.SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    requestInterceptor: (request) => {
      if (token() && !request.loadSpec) request.headers.Authorization = `Bearer ${token()}`;
      return request;
    },
    onComplete: () => {
      place("swagger").dataset.loaded = service;
      authorize();
    },
  });
}

function authorize() {
  if (!ui) return;
  if (token()) ui.preauthorizeApiKey("bearer", token());
  else ui.authActions.logout(["bearer"]);
}
