export { type CampaignOptions, campaign, type Report } from "./campaign.ts";
