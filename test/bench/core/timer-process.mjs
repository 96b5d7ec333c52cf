// The measure beside the guard: an ordinary process that means to send a signal at an instant, as the guard does, and
// says how late it was, ms, as one line of JSON. Argument: how often.
const count = Number(process.argv[2]);
const late = [];

function next() {
  const due = performance.now() + 250;
  setTimeout(() => {
    process.kill(process.pid, 'SIGCONT');
    late.push(Math.max(0, performance.now() - due));
    if (late.length < count) next();
    else console.log(JSON.stringify(late));
  }, 250);
}

next();
