// What OHIF reads at its start. Its maps lie in its `dist`: each mode is changed by commands of immutability-helper.
const without = word => ({ $apply: list => list.filter(each => !each.includes(word)) });
// OHIF 3.13 takes a Parametric Map of 16 bits, or of a projection image, for the volume that it is not: it waits for
// ever, and colours falsely what is opened after it.
const reading = { sopClassHandlers: without("dicom-pmap") };
const panels = { rightPanelClosed: { $set: false }, rightPanels: { $unshift: ["wetread.panelModule.report"] } };
const shown = { ...reading, routes: { 0: { layoutInstance: { props: panels } } } };
const hidden = { hide: { $set: true } };

// A panel of our own: what the node found, as a page in a frame. The element is what React 18's createElement returns.
const report = () => ({
  $$typeof: Symbol.for("react.element"),
  type: "iframe",
  key: null,
  ref: null,
  props: {
    src: {{ reports | tojson }} + location.search,
    title: "AI report",
    style: { border: 0, width: "100%", height: "100%", colorScheme: "dark" },
  },
  _owner: null,
});
const extension = {
  id: "wetread",
  version: "1.0.0",
  getPanelModule: () => [
    { name: "report", iconName: "tab-patient-info", iconLabel: "AI report", label: "AI report", component: report },
  ],
};

window.config = {
  routerBasename: {{ router | tojson }},
  extensions: [extension],
  modes: [],
  modesConfiguration: {
    "@ohif/mode-longitudinal": shown,
    "@ohif/mode-basic": { ...shown, ...hidden },
    "@ohif/mode-segmentation": { ...reading, ...hidden },
    "@ohif/mode-tmtv": hidden,
    "@ohif/mode-microscopy": hidden,
    "@ohif/mode-preclinical-4d": hidden,
    "@ohif/mode-ultrasound-pleura-bline": hidden,
  },
  customizationService: [
    {
      "ohif.tours": { $set: [] },
      // A report's regions stay drawn as they are: OHIF can make none of them a measurement of its own, and would lose them.
      "measurement.promptHydrateStructuredReport": {
        $set: (_, context, event) => Promise.resolve({ userResponse: 0, srSeriesInstanceUID: event.SeriesInstanceUID }),
      },
    },
  ],
  showStudyList: true,
  maxNumberOfWebWorkers: 3,
  showLoadingIndicator: true,
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: false,
  showErrorDetails: "production",
  strictZSpacingForVolumeViewport: true,
  investigationalUseDialog: { option: "never" },
  defaultDataSourceName: {{ sources[0].name | tojson }},
  dataSources: {{ sources | tojson }}.map(({ name, title, root }) => ({
    namespace: "@ohif/extension-default.dataSourcesModule.dicomweb",
    sourceName: name,
    configuration: {
      friendlyName: title,
      name,
      wadoUriRoot: root,
      qidoRoot: root,
      wadoRoot: root,
      qidoSupportsIncludeField: true,
      imageRendering: "wadors",
      thumbnailRendering: "wadors",
      enableStudyLazyLoad: true,
      supportsFuzzyMatching: true,
      supportsWildcard: true,
      dicomUploadEnabled: false,
      omitQuotationForMultipartRequest: true,
      bulkDataURI: {
        enabled: true,
        relativeResolution: "studies",
        // A server names itself as it sees itself; the page has to ask where it may. OHIF keeps only what has a prefix.
        transform: url => url.replace(/^.*?\/(?=studies\/)/, "held:"),
        startsWith: "held:",
        prefixWith: `${location.origin}${root}/`,
      },
    },
  })),
};
