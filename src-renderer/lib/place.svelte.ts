import { type Place, parsePlace } from './router.ts';

class Router {
  place = $state<Place>(parsePlace(location.hash));

  constructor() {
    window.addEventListener('hashchange', () => {
      this.place = parsePlace(location.hash);
    });
  }

  go(hash: string): void {
    location.hash = hash;
  }

  /** Same place, other details: leaves no step in the history. */
  replace(hash: string): void {
    history.replaceState(null, '', hash);
    this.place = parsePlace(hash);
  }
}

export const router = new Router();
