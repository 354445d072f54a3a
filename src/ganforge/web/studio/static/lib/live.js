// Requests that follow a control: at most one is under way and one waits, and the newest takes its place.

export function newest(work, onerror) {
  let busy = false;
  let next = null;
  const run = async (value) => {
    if (busy) {
      next = { value };
      return;
    }
    busy = true;
    try {
      await work(value);
    } catch (error) {
      if (error.code !== "studio.superseded") onerror(error);
    } finally {
      busy = false;
      if (next) {
        const { value: waiting } = next;
        next = null;
        run(waiting);
      }
    }
  };
  return run;
}

// As `newest`, with what `read` returns; nothing is done as long as that is what was last worked on.
export function following(read, work, onerror) {
  let done = "";
  return newest(async () => {
    const fields = read();
    const now = JSON.stringify(fields);
    if (now === done) return;
    await work(fields);
    done = now;
  }, onerror);
}

// Calls `work` when nothing has been asked for a while.
export function later(work, ms = 350) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
}

// Shows a file in an <img>; the one before it is let go.
export async function showBlob(image, blob) {
  const before = image.src;
  image.src = URL.createObjectURL(blob);
  if (before.startsWith("blob:")) URL.revokeObjectURL(before);
  await image.decode().catch(() => {}); // a newer one has taken its place
}

export function save({ blob, name }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

export function png(text) {
  return `data:image/png;base64,${text}`;
}
