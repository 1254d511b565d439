-- How Services are, for Argo CD. One that the operator doesn't serve is judged as
-- Argo CD itself does. Of one that it serves the conditions tell more: an address
-- alone doesn't mean that every port works.
local health = { status = "Healthy", message = "" }

if obj.spec == nil or obj.spec.type ~= "LoadBalancer" then
  return health
end

local status = obj.status or {}
local ingress = status.loadBalancer ~= nil and status.loadBalancer.ingress or nil
if ingress == nil or #ingress == 0 then
  health.status = "Progressing"
  health.message = "Waiting for the address"
end

local accepted, programmed
for _, c in ipairs(status.conditions or {}) do
  if c.type == "nlb.exoscale.com/Accepted" then
    accepted = c
  elseif c.type == "nlb.exoscale.com/Programmed" then
    programmed = c
  end
end

-- Why a port isn't served yet, and will be by itself.
local passing = {
  Pending = true, Creating = true, Updating = true, Deleting = true,
  WaitingForLoadBalancer = true, WaitingForOperation = true, WaitingForAddress = true,
  WaitingForServices = true, WaitingForNodePort = true, WaitingForVerification = true,
  LoadBalancerDeleting = true, Retrying = true,
}

if obj.metadata.deletionTimestamp ~= nil then
  health.status = "Progressing"
  health.message = "Being deleted"
elseif accepted ~= nil and accepted.status == "False" then
  health.status = "Degraded"
  health.message = accepted.reason .. ": " .. accepted.message
elseif programmed ~= nil and programmed.status ~= "True" then
  health.status = passing[programmed.reason] and "Progressing" or "Degraded"
  health.message = programmed.reason .. ": " .. programmed.message
end

return health
