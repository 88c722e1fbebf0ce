// The page. Free: it serves files, and the page calls the function app itself, because a Static Web App in between
// neither streams JSON Lines nor waits for longer than 45 seconds.

param name string
param location string
param tags object

resource page 'Microsoft.Web/staticSites@2025-03-01' = {
  name: name
  location: location
  // azd finds the resource of the service `web` by this tag.
  tags: union(tags, { 'azd-service-name': 'web' })
  sku: {
    name: 'Free'
    tier: 'Free'
  }
  properties: {
    allowConfigFileUpdates: true
    stagingEnvironmentPolicy: 'Disabled'
  }
}

output origin string = 'https://${page.properties.defaultHostname}'
