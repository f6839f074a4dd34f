// What a page gains where there is JavaScript. Everything works without it.

// A text that is to be copied: `<button data-copy="id of the element">`.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const text = source.value ?? source.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without a secure context or leave to use the clipboard: select it, and let the browser do as it did of old.
    const range = document.createRange();
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    source.select?.();
    document.execCommand("copy");
  }
  const was = button.textContent;
  button.textContent = "Copied";
  document.getElementById("announcements").textContent = "Copied";
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
