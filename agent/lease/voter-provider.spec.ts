import { providerConformance } from './testing/provider.kit.ts';
import { ThreeVoters } from './testing/three-voters.ts';

providerConformance('the pair’s own voters', (record) => {
  const three = new ThreeVoters(record);
  return {
    timing: three.timing,
    provider: (host) => three.node(host).provider,
    advance: (ms) => three.advance(ms),
    cut: (host, cut) => {
      if (cut) three.cut.add(host);
      else three.cut.delete(host);
    },
  };
});
