// Search and "Select all" without a round trip; the form works without this file.
const choice = document.querySelector(".choice");
const rows = [...choice.querySelectorAll(".divisions li")];
const search = choice.querySelector("input[type=search]");
const none = choice.querySelector(".none");

if (search) {
  search.closest("label").hidden = false;
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    none.hidden = rows.some((row) => !row.hidden);
  });
  // Enter in the search field would send the form.
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
}

choice.querySelector("button[value=select_all]").addEventListener("click", (event) => {
  event.preventDefault();
  for (const row of rows) if (!row.hidden) row.querySelector("input").checked = true;
});
