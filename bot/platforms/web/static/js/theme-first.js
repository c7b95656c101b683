// Sets the chosen theme before the first paint. A classic script, because a module would come too late. Knows nothing else.
(() => {
  try {
    const theme = localStorage.getItem("darkroom.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // storage is forbidden: the system's theme it is
  }
})();
