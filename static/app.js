// Progressive enhancement only: every page works as plain HTML and forms without this file.
// Listeners sit on the document, so parts that htmx swaps in later behave the same. Nothing here writes HTML from text.
(() => {
  const root = document.documentElement;
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const say = (text) => { const live = $("#live"); if (live) live.textContent = text; };
  const on = (type, selector, act) => document.addEventListener(type, (event) => {
    const found = event.target.closest?.(selector);
    if (found) act(found, event);
  });

  // Theme: a real form saves the choice; here it is shown at once and sent without leaving the page.
  on("submit", "form[data-theme-form]", (form, event) => {
    const theme = event.submitter?.value;
    if (!theme) return;
    event.preventDefault();
    if (theme === "system") root.removeAttribute("data-theme"); else root.dataset.theme = theme;
    $$("button[name=theme]", form).forEach((button) => button.setAttribute("aria-pressed", String(button.value === theme)));
    const body = new URLSearchParams(new FormData(form, event.submitter));
    fetch(form.action, { method: "POST", body, redirect: "manual" })
      .then((answer) => say(answer.status >= 400 ? "The theme could not be saved." : `Theme: ${theme}`))
      .catch(() => say("The theme could not be saved."));
    form.hidePopover?.();
  });

  on("click", "[data-copy]", async (button) => {
    try { await navigator.clipboard.writeText(button.dataset.copy); say("Copied"); } catch { say("Copy failed. Select the text and copy it."); }
  });
  on("click", "[data-print]", () => print());

  // A filter applies when its box is ticked; without script the form's button does it.
  on("change", "form[data-autosubmit]", (form, event) => {
    if (event.target.matches("input[type=checkbox], input[type=radio], select")) form.requestSubmit();
  });

  // Bulk selection: CSS shows the bar; this keeps the count, select-all and shift-range right.
  const boxesOf = (form) => $$("tbody input[type=checkbox]", form);
  const count = (form) => {
    const boxes = boxesOf(form);
    const checked = boxes.filter((box) => box.checked).length;
    const shown = $("[data-count]", form);
    const all = $("[data-all]", form);
    if (shown) shown.textContent = `${checked} selected`;
    if (all) { all.checked = checked > 0 && checked === boxes.length; all.indeterminate = checked > 0 && checked < boxes.length; }
  };
  let last = null;
  on("change", "form[data-bulk] [data-all]", (all) => {
    boxesOf(all.form).forEach((box) => { box.checked = all.checked; });
    count(all.form);
  });
  on("click", "form[data-bulk] tbody input[type=checkbox]", (box, event) => {
    const boxes = boxesOf(box.form);
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)];
    if (event.shiftKey && from >= 0) boxes.slice(Math.min(from, to), Math.max(from, to)).forEach((other) => { other.checked = box.checked; });
    last = box;
    count(box.form);
  });
  on("click", "form[data-bulk] [data-clear]", (button) => {
    boxesOf(button.form).forEach((box) => { box.checked = false; });
    count(button.form);
  });
  $$("form[data-bulk]").forEach(count);

  // Dialogs open by invoker commands; browsers without those get the same here.
  if (!("commandForElement" in HTMLButtonElement.prototype)) {
    on("click", "button[commandfor]", (button) => {
      const dialog = document.getElementById(button.getAttribute("commandfor"));
      if (button.getAttribute("command") === "close") dialog?.close(); else if (!dialog?.open) dialog?.showModal();
    });
  }

  // Drop zone: the file field inside stays the real control.
  const named = (zone, files) => {
    const names = $("[data-drop-names]", zone);
    if (!names) return;
    names.textContent = files.length === 1 ? files[0].name : `${files.length} files chosen`;
    names.hidden = files.length === 0;
    if (files.length) say(names.textContent);
  };
  on("change", "[data-drop] input[type=file]", (input) => named(input.closest("[data-drop]"), input.files));
  for (const type of ["dragenter", "dragover"]) on(type, "[data-drop]", (zone, event) => { event.preventDefault(); zone.setAttribute("data-over", ""); });
  on("dragleave", "[data-drop]", (zone, event) => { if (!zone.contains(event.relatedTarget)) zone.removeAttribute("data-over"); });
  on("drop", "[data-drop]", (zone, event) => {
    event.preventDefault();
    zone.removeAttribute("data-over");
    const input = $("input[type=file]", zone);
    if (!event.dataTransfer.files.length || !input) return;
    input.files = event.dataTransfer.files;
    named(zone, input.files);
  });

  // Command palette: a combobox in a dialog, over the links the page carries and one search of the inventory.
  const palette = $("#palette");
  if (palette) {
    const input = $("input", palette);
    const search = $("[data-search]", palette);
    const options = () => $$("[role=option]", palette).filter((option) => !option.hidden);
    let at = 0;
    const mark = () => {
      $$("[role=option]", palette).forEach((option) => option.setAttribute("aria-selected", "false"));
      const option = options()[at];
      if (!option) { input.removeAttribute("aria-activedescendant"); return; }
      option.setAttribute("aria-selected", "true");
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    };
    const filter = () => {
      const typed = input.value.trim();
      const wanted = typed.toLowerCase();
      $$("[role=option]", palette).forEach((option) => { option.hidden = option !== search && !option.textContent.toLowerCase().includes(wanted); });
      if (search) {
        search.hidden = !typed;
        search.dataset.href = `${search.dataset.search}${encodeURIComponent(typed)}`;
        $("[data-search-text]", search).textContent = typed;
      }
      $$("[role=group]", palette).forEach((group) => { group.hidden = !$$("[role=option]", group).some((option) => !option.hidden); });
      at = 0;
      mark();
      say(options().length === 1 ? "1 result" : `${options().length} results`);
    };
    const open = () => { palette.showModal(); input.value = ""; filter(); input.focus(); };
    const go = (option) => { if (option?.dataset.href) location.assign(option.dataset.href); };
    input.addEventListener("input", filter);
    input.addEventListener("keydown", (event) => {
      const shown = options();
      if (event.key === "Enter") { event.preventDefault(); go(shown[at]); return; }
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step || !shown.length) return;
      event.preventDefault();
      at = (at + step + shown.length) % shown.length;
      mark();
    });
    palette.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) go(option); else if (event.target === palette) palette.close();
    });
    on("click", "[data-palette]", (_, event) => { if (event.ctrlKey || event.metaKey) return; event.preventDefault(); open(); });
    document.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "k") return;
      event.preventDefault();
      if (palette.open) palette.close(); else if (!$("dialog[open]")) open();
    });
  }
})();
