// What pages do beyond HTML; each works without it.
"use strict";
document.addEventListener("submit", (event) => {
  const form = event.target;
  const back = form.querySelector("[data-here]");
  if (back) back.value = location.pathname + location.search;
  if (form.dataset.busy) {
    const button = form.querySelector("button");
    button.setAttribute("aria-busy", "true");
    button.textContent = form.dataset.busy;
    for (const one of document.querySelectorAll(".buttons button")) one.classList.add("busy");
    document.getElementById("result").textContent = "";
  }
});
// a filter that is chosen is applied; the button is for those who have no script
for (const form of document.querySelectorAll("form[data-filter]")) {
  form.querySelector("button").hidden = true;
  form.addEventListener("change", () => {
    for (const field of form.elements) if (!field.value) field.disabled = true;
    form.submit();
  });
}
// a page that comes back from the browser's memory is as it was left: its fields are to be usable again
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
// «/» goes to the search, as people know it from elsewhere
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
  const field = document.querySelector("#q, #find, [type=search]");
  if (field) { event.preventDefault(); field.focus(); field.select(); }
});
