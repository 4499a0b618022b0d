"use strict";
// The page is whole without this: it fills in the host and copies examples.
document.getElementById("origin").textContent = window.location.origin;
const copied = document.getElementById("copied");
for (const button of document.querySelectorAll(".copy")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    copied.textContent = button.textContent;
    setTimeout(() => { button.textContent = "Copy"; copied.textContent = ""; }, 2000);
  });
}
