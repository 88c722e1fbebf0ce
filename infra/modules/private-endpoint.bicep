// A private address of one resource, and its name in the zones that lead there.

param name string
param location string
param tags object
param targetId string

@description('Which part of the resource: blob, account.')
param part string
param subnetId string
param zoneIds array

resource endpoint 'Microsoft.Network/privateEndpoints@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      {
        name: part
        properties: {
          privateLinkServiceId: targetId
          groupIds: [part]
        }
      }
    ]
  }
}

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      for (zone, at) in zoneIds: {
        name: 'zone-${at}'
        properties: { privateDnsZoneId: zone }
      }
    ]
  }
}
