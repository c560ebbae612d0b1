// What OHIF reads at its start. Its maps lie in its `dist`: each mode is changed by commands of immutability-helper.
const without = word => ({ $apply: list => list.filter(each => !each.includes(word)) });
// OHIF 3.13 takes a Parametric Map of 16 bits, or of a projection image, for the volume that it is not: it waits for
// ever, and colours falsely what is opened after it.
const reading = { sopClassHandlers: without("dicom-pmap") };
const shown = { ...reading, routes: { 0: { layoutInstance: { props: { rightPanelClosed: { $set: false } } } } } };
const hidden = { hide: { $set: true } };

window.config = {
  routerBasename: {{ router | tojson }},
  extensions: [],
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
  customizationService: [{ "ohif.tours": { $set: [] } }],
  showStudyList: true,
  maxNumberOfWebWorkers: 3,
  showLoadingIndicator: true,
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: false,
  showErrorDetails: "production",
  strictZSpacingForVolumeViewport: true,
  investigationalUseDialog: { option: "never" },
  // A report is shown as it is opened: nobody is asked whether to track it.
  measurementTrackingMode: "simplified",
  disableConfirmationPrompts: true,
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
      bulkDataURI: { enabled: true, relativeResolution: "studies" },
    },
  })),
};
