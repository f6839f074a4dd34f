// What a page gains where there is JavaScript. Everything works without it.

// A text that is to be copied: `<button data-copy="id of its element">`; from elsewhere, where the page does not show all
// of it: `data-copy-from="path"`.
const select = (element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const shown = document.getElementById(button.dataset.copy);
  const from = button.dataset.copyFrom;
  const text = from
    ? fetch(from).then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status)))
    : Promise.resolve(shown.textContent);
  let said = "Copied";
  try {
    // Safari wants the promise: it lets nobody write who waited for something first.
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": text.then((it) => new Blob([it], { type: "text/plain" })) })]);
  } catch {
    try {
      await navigator.clipboard.writeText(await text);
    } catch {
      // No leave, or no secure context: what is shown is selected, for the keyboard to copy.
      select(shown);
      said = "Selected";
    }
  }
  const was = button.textContent;
  button.textContent = said;
  document.getElementById("announcements").textContent = said;
  setTimeout(() => { button.textContent = was; }, 1500);
});

// A choice that takes effect at once; without JavaScript its form has a button.
document.addEventListener("change", (event) => {
  if (event.target.closest("[data-submit]")) event.target.form.requestSubmit();
});

// Nobody looks at a tab in the background, so nothing is asked for it.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.hasAttribute("data-live")) event.preventDefault();
});

document.documentElement.classList.add("js");
