// Ctrl Enter, or Cmd Enter, in the editor runs the statement, as in psql's graphical cousins.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const form = event.target.closest("[data-run]")?.form;
  if (!form) return;
  event.preventDefault();
  form.requestSubmit(form.querySelector("button.run"));
});

// Whoever stops waiting hangs up, and the platform cancels the statement.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-stop]");
  if (!button) return;
  htmx.trigger(button.form, "htmx:abort");
  document.getElementById("announcements").textContent = "Stopped";
});

// The answer comes below the editor, where a small window does not reach.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id === "answer") document.getElementById("answer").scrollIntoView({ block: "nearest" });
});
