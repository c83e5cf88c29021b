// Draws the description of the API; nothing is fetched from elsewhere. What is tried out by a session says the token of its pages.
const page = document.documentElement;
const dark = page.dataset.theme ? page.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
page.classList.toggle("dark-mode", dark);
const token = document.querySelector('meta[name="csrf-token"]')?.content;
window.SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger", deepLinking: true, validatorUrl: null,
  requestInterceptor: (request) => {
    if (token && new URL(request.url, location.href).origin === location.origin) request.headers["X-CSRF-Token"] = token;
    return request;
  },
});
