/** KubeControllersConfiguration: settings of the cluster-wide controllers. An absent section switches its controller off. */
import { choice, integer, required, text, withDefault } from '../schema/schema.ts';
import { duration, labelMap, selector } from '../schema/scalars.ts';
import { list, object } from '../schema/structure.ts';
import { kind, type ResourceOf } from './kind.ts';

const onOff = choice('a setting', ['Enabled', 'Disabled']);
const reconciled = object({ reconcilerPeriod: duration() });

const hostEndpoint = object({
  autoCreate: onOff,
  createDefaultHostEndpoint: text(),
  templates: list(object({
    generateName: text({ maxLength: 253 }),
    interfaceCIDRs: list(text(), { type: 'set' }),
    interfacePattern: text(),
    labels: labelMap,
    annotations: labelMap,
    nodeSelector: selector({ stated: false }),
  }), { type: 'atomic' }),
});

const settings = object({
  logSeverityScreen: choice('a severity', ['None', 'Debug', 'Info', 'Warning', 'Error', 'Fatal', 'Panic']),
  healthChecks: withDefault(onOff, 'Enabled'),
  etcdV3CompactionPeriod: duration(),
  prometheusMetricsPort: integer({ noun: 'a port', minimum: 0, maximum: 65535 }),
  debugProfilePort: integer({ noun: 'a port', minimum: 0, maximum: 65535, format: 'int32' }),
  controllers: required(object({
    node: object({ reconcilerPeriod: duration(), leakGracePeriod: duration(), syncLabels: onOff, hostEndpoint }),
    policy: reconciled,
    workloadEndpoint: reconciled,
    serviceAccount: reconciled,
    namespace: reconciled,
    loadBalancer: object({
      assignIPs: withDefault(choice('a choice of services', ['AllServices', 'RequestedServicesOnly']), 'AllServices'),
    }),
    migration: object({ policyNameMigrator: withDefault(choice('a setting', ['Disabled', 'Enabled']), 'Enabled') }),
  })),
});

export const KUBE_CONTROLLERS_CONFIGURATION = kind({
  kind: 'KubeControllersConfiguration', plural: 'kubecontrollersconfigurations', singular: 'kubecontrollersconfiguration',
  shortNames: ['kcc', 'kccs'], onlyName: 'default',
  spec: settings,
  status: object({ runningConfig: settings, environmentVars: labelMap }), statusSubresource: true,
});
export type KubeControllersConfiguration = ResourceOf<typeof KUBE_CONTROLLERS_CONFIGURATION>;
